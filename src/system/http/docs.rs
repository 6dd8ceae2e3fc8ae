//! `/openapi.json`, `/docs`, `/redoc`, and the files that the two pages are made of.
//!
//! The pages need a wider policy than an API does, and get no more than works: scripts and styles from here and none
//! inline, calls to here. `ReDoc` searches in a worker, and adds two sorts of style elements, known by their digests: empty
//! ones which it fills from script, and one for its scroll bar. A browser in the tests says when they change.

use std::{
    io::{Read, Write},
    sync::{Arc, OnceLock},
};

use axum::{
    extract::Extension,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::{
    error::{Error, Result},
    http::Path,
    secret::sha256,
};

const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
    data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; img-src 'self' data:; connect-src 'self'; worker-src blob:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A text that does not change while the process lives.
struct Page {
    kind: &'static str,
    packed: Vec<u8>,
    tag: HeaderValue,
}

/// The document, the pages and their files: made when they are first asked for, since most processes never are, and
/// the document takes longer to write than all else that a start does.
pub struct Pages {
    document: Box<dyn Fn() -> serde_json::Value + Send + Sync>,
    made: OnceLock<Made>,
}

struct Made {
    document: Page,
    docs: Page,
    redoc: Page,
    files: [(&'static str, Page); 4],
}

impl Pages {
    /// Pages about what `document` will write.
    pub fn new(document: impl Fn() -> serde_json::Value + Send + Sync + 'static) -> Self {
        Self { document: Box::new(document), made: OnceLock::new() }
    }

    fn made(&self) -> Result<&Made> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let made = Made::new(&(self.document)())?;
        Ok(self.made.get_or_init(|| made))
    }
}

impl Made {
    /// Packs the document beside the rest.
    fn new(document: &serde_json::Value) -> Result<Self> {
        let (js, css) = ("text/javascript; charset=utf-8", "text/css; charset=utf-8");
        let html = "text/html; charset=utf-8";
        Ok(Self {
            document: Page::plain("application/json", document.to_string().as_bytes())?,
            docs: Page::plain(html, include_bytes!("../../../assets/docs.html"))?,
            redoc: Page::plain(html, include_bytes!("../../../assets/redoc.html"))?,
            files: [
                ("docs.js", Page::plain(js, include_bytes!("../../../assets/docs.js"))?),
                ("swagger-ui.js", Page::packed(js, include_bytes!("../../../assets/swagger-ui.js.gz").into())?),
                ("swagger-ui.css", Page::packed(css, include_bytes!("../../../assets/swagger-ui.css.gz").into())?),
                ("redoc.js", Page::packed(js, include_bytes!("../../../assets/redoc.js.gz").into())?),
            ],
        })
    }
}

impl Page {
    fn plain(kind: &'static str, text: &[u8]) -> Result<Self> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(text).map_err(Error::internal)?;
        Self::packed(kind, packed.finish().map_err(Error::internal)?)
    }

    fn packed(kind: &'static str, packed: Vec<u8>) -> Result<Self> {
        let tag = sha256(&[&packed]).into_iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(byte));
        Ok(Self { kind, packed, tag: HeaderValue::from_str(&format!("W/\"{tag:016x}\"")).map_err(Error::internal)? })
    }

    /// Whole, or 304 for who has it. Kept by browsers, and asked about each time: it changes with the program.
    fn answer(&self, asked: &HeaderMap) -> Result<Response> {
        let says = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = self.tag.to_str().unwrap_or_default();
        let is_known = says(header::IF_NONE_MATCH).split(',').any(|tag| tag.trim() == known || tag.trim() == "*");
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(header::ETAG, self.tag.clone());
        if is_known {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if takes_gzip(says(header::ACCEPT_ENCODING)) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return Ok((headers, self.packed.clone()).into_response());
        }
        let mut text = Vec::new();
        GzDecoder::new(self.packed.as_slice()).read_to_end(&mut text).map_err(Error::internal)?;
        Ok((headers, text).into_response())
    }

    fn with_policy(&self, asked: &HeaderMap, policy: &'static str) -> Result<Response> {
        let mut response = self.answer(asked)?;
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        Ok(response)
    }
}

/// RFC 9110, 12.5.3; a weight of zero is a refusal.
fn takes_gzip(accepted: &str) -> bool {
    let mut codings = accepted.split(',').map(|coding| coding.split_once(';').unwrap_or((coding, "")));
    codings.any(|(name, weight)| {
        let zero = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.', ' ']).is_empty());
        matches!(name.trim(), "gzip" | "*") && !zero
    })
}

/// `GET /openapi.json`.
pub(crate) async fn document(Extension(pages): Extension<Arc<Pages>>, asked: HeaderMap) -> Result<Response> {
    pages.made()?.document.answer(&asked)
}

/// `GET /docs`: Swagger UI.
pub(crate) async fn docs(Extension(pages): Extension<Arc<Pages>>, asked: HeaderMap) -> Result<Response> {
    pages.made()?.docs.with_policy(&asked, DOCS_POLICY)
}

/// `GET /redoc`: `ReDoc`.
pub(crate) async fn redoc(Extension(pages): Extension<Arc<Pages>>, asked: HeaderMap) -> Result<Response> {
    pages.made()?.redoc.with_policy(&asked, REDOC_POLICY)
}

/// `GET /assets/{file}`.
pub(crate) async fn asset(
    Extension(pages): Extension<Arc<Pages>>,
    asked: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response> {
    let file = pages.made()?.files.iter().find(|(own, _)| *own == name).ok_or_else(Error::not_found)?;
    file.1.answer(&asked)
}
