//! What a `User-Agent` header tells of a device. It is shown to the person, and decides nothing.

use woothee::parser::Parser;

/// A device as it calls itself.
#[derive(Default)]
pub(super) struct Agent {
    pub device_type: Option<String>,
    pub browser: Option<String>,
    pub os: Option<String>,
}

pub(super) fn describe(user_agent: Option<&str>) -> Agent {
    let Some(found) = user_agent.and_then(|text| Parser::new().parse(text)) else { return Agent::default() };
    let known = |text: &str| (text != "UNKNOWN").then(|| text.to_owned());
    let device_type = match found.category {
        "pc" => Some("desktop"),
        "smartphone" | "mobilephone" => Some("mobile"),
        "appliance" => Some("appliance"),
        "crawler" => Some("crawler"),
        _ => None,
    };
    Agent { device_type: device_type.map(Into::into), browser: known(found.name), os: known(found.os) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tells_browsers_from_programs() {
        let firefox = super::describe(Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
        assert_eq!(firefox.device_type.as_deref(), Some("desktop"));
        assert_eq!(firefox.browser.as_deref(), Some("Firefox"));
        assert_eq!(firefox.os.as_deref(), Some("Linux"));
        assert!(super::describe(Some("my-program/1.0")).browser.is_none());
    }
}
