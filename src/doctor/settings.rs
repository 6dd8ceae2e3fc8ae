//! The settings: those that cannot be used, and those that are hardly meant.

use secrecy::ExposeSecret;

use super::Finding;
use crate::config::{Config, ConfigError, Metrics, Warning};

/// Fewer different characters than this are no random text.
const VARIETY: usize = 12;
/// What stands in examples, and then in production.
const PLACEHOLDERS: &[&str] = &["secret", "change", "your-", "example", "password", "12345"];

pub(super) fn broken(error: &ConfigError) -> Vec<Finding> {
    let cure = "Correct the setting; 'denizen config --reference' explains it. Then run this again: what depends on the \
                settings was not examined.";
    error.problems().iter().map(|problem| Finding::fault("settings", problem.clone(), cure)).collect()
}

pub(super) fn examine(config: &Config, warnings: &[Warning]) -> Vec<Finding> {
    let mut found = vec![Finding::ok("settings", "All settings can be used.")];
    let odd =
        |warning: &Warning| Finding::warning("settings", warning.to_string(), "Correct the name, or take it out.");
    // The missing PUBLIC_URL is told below.
    found.extend(warnings.iter().filter(|warning| !warning.to_string().starts_with("PUBLIC_URL")).map(odd));
    found.extend(secret(config));
    found.extend(exposed(config));
    found
}

fn secret(config: &Config) -> Option<Finding> {
    let secret = config.secrets.jwt_secret_key.as_ref()?.expose_secret();
    let mut bytes = secret.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    let lower = secret.to_ascii_lowercase();
    if bytes.len() >= VARIETY && !PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Some(Finding::ok("secret", "JWT_SECRET_KEY looks random."));
    }
    Some(Finding::fault(
        "secret",
        "JWT_SECRET_KEY does not look random, and whoever guesses it signs tokens for anybody.",
        "Set it to what 'openssl rand -base64 48' prints, here and wherever tokens are verified. Or leave it out: then \
         the service signs with keys of its own and publishes the public halves.",
    ))
}

/// What an address that others can reach asks for.
fn exposed(config: &Config) -> Vec<Finding> {
    let (server, url) = (&config.server, config.app.public_url.as_str());
    let is_local = server.host.is_loopback();
    let mut found = Vec::new();
    let host = url.split("://").nth(1).unwrap_or_default();
    let is_home = ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name));
    if url.starts_with("https:") || is_local && is_home {
        found.push(Finding::ok("public_url", format!("Users reach the service at {url}.")));
    } else {
        found.push(Finding::warning(
            "public_url",
            format!("PUBLIC_URL is {url}, so passwords and tokens may travel in the open."),
            "Set PUBLIC_URL to the https address that users see.",
        ));
    }
    if is_local {
        return found;
    }
    if server.metrics == Metrics::Open {
        found.push(Finding::warning(
            "metrics",
            format!("METRICS=open on {}: everybody may read how many users there are and what they do.", server.host),
            "Set METRICS=token, or METRICS=off, unless a proxy or a firewall keeps strangers from /metrics.",
        ));
    }
    if server.trusted_proxies.is_empty() && !config.machine.speaks_tls() {
        found.push(Finding::warning(
            "proxy",
            format!("HOST={} can be reached from elsewhere, and no proxy is named.", server.host),
            "Set TLS_CERT and TLS_KEY, or put a reverse proxy with TLS in front and name it in TRUSTED_PROXIES, or listen \
             on 127.0.0.1.",
        ));
    }
    found
}
