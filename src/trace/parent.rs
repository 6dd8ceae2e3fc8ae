//! The caller's `traceparent` (W3C Trace Context, 3.2). Its `tracestate` is not looked at: it may hold anything.

/// The span of a caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    pub is_sampled: bool,
}

impl Parent {
    /// What cannot be read is passed over, as if it were not there.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex::<1>(version)?;
        // A later version may have more to say; this one may not.
        if version == [0xff] || version == [0] && parts.next().is_some() {
            return None;
        }
        let (trace, span, flags) = (hex(trace)?, hex(span)?, hex::<1>(flags)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, is_sampled: flags[0] & 1 == 1 })
    }
}

/// Exactly so many bytes, in lower case.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_believed() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let parent = Parent::parse(&format!("00-{trace}-{span}-01")).unwrap();
        assert_eq!((parent.trace[0], parent.span[7], parent.is_sampled), (0x0a, 0x31, true));
        assert!(!Parent::parse(&format!("00-{trace}-{span}-02")).unwrap().is_sampled);
        assert!(Parent::parse(&format!("cc-{trace}-{span}-01-what-comes")).is_some());
        let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
        for bad in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{no_trace}-{span}-01"),
            format!("00-{trace}-{no_span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}0-{span}-01"),
            format!("00-ä{}-{span}-01", &trace[2..]),
        ] {
            assert_eq!(Parent::parse(&bad), None, "{bad}");
        }
    }
}
