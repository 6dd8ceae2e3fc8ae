//! Versions as entity tags, and writes that insist on one (RFC 9110, 8.8.3 and 13.1.1).

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponseParts, ResponseParts},
};

use crate::error::{Code, Error, Result};

/// The strong tag of a record's version: `"v17"`. Put it before the body: `(ETag(17), Json(view))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(pub i64);

impl IntoResponseParts for ETag {
    type Error = Error;
    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts> {
        let tag = HeaderValue::from_str(&format!("\"v{}\"", self.0)).map_err(Error::internal)?;
        response.headers_mut().insert(header::ETAG, tag);
        Ok(response)
    }
}

/// What version a write insists on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing was said: the write goes ahead.
    Absent,
    /// `*`: any version of a record that exists.
    Any,
    /// One of these strong tags, without quotes. Weak ones are left out: they never match here.
    Tags(Vec<String>),
}

impl IfMatch {
    /// The most characters that it may have: some hundred tags, of which one is usual.
    pub const CHARS: usize = 1_024;

    /// Compares with the version that is stored.
    ///
    /// # Errors
    /// `stale_version` (412) when it is none of those named.
    pub fn check(&self, version: i64) -> Result<()> {
        match self {
            Self::Absent | Self::Any => Ok(()),
            Self::Tags(tags) if tags.contains(&format!("v{version}")) => Ok(()),
            Self::Tags(_) => Err(Code::StaleVersion.into()),
        }
    }

    fn parse(value: &str) -> Option<Self> {
        if value.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(Self::Tags(tags));
            }
            let weak = rest.strip_prefix("W/");
            let (tag, after) = weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
            if weak.is_none() {
                tags.push(tag.to_owned());
            }
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let lines: Vec<_> = parts.headers.get_all(header::IF_MATCH).iter().map(HeaderValue::to_str).collect();
        if lines.is_empty() {
            return Ok(Self::Absent);
        }
        let lines: Option<Vec<_>> = lines.into_iter().map(std::result::Result::ok).collect();
        let line = lines.map(|lines| lines.join(",")).filter(|line| line.len() <= Self::CHARS);
        line.and_then(|line| Self::parse(&line)).ok_or_else(|| {
            Error::new(Code::Malformed).detail(format!(
                "If-Match is '*' or a list of quoted entity tags, of at most {} characters.",
                Self::CHARS
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> IfMatch {
        IfMatch::Tags(tags.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn reads_lists() {
        assert_eq!(IfMatch::parse(" * "), Some(IfMatch::Any));
        assert_eq!(IfMatch::parse(r#""v1" ,, "a,b""#), Some(tags(&["v1", "a,b"])));
        assert_eq!(IfMatch::parse(r#"W/"v1", "v2""#), Some(tags(&["v2"])));
        for bad in ["v1", r#""v1"#, r#""v1" "v2""#, r#"w/"v1""#, r#"*, "v1""#] {
            assert_eq!(IfMatch::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn weak_and_other_versions_are_stale() {
        let check = |header, version| IfMatch::parse(header).unwrap().check(version).map_err(|e| e.code());
        assert_eq!(check(r#""v16", "v17""#, 17), Ok(()));
        assert_eq!(check("*", 17), Ok(()));
        assert_eq!(check(r#""v1""#, 17), Err(Code::StaleVersion));
        assert_eq!(check(r#"W/"v17""#, 17), Err(Code::StaleVersion));
    }
}
