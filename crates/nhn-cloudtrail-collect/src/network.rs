//! Network code that the clients of the query API and of Object Storage share.

use std::env;
use std::error::Error as StdError;
use std::net::IpAddr;

use nhn_cloudtrail::{Code, Error, Result};
use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

/// The environment variables from which the libraries take a proxy.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// The text of TLS errors.
pub(crate) const NO_TLS: &str = "no secure connection could be made: the certificate is not trusted, or \
                                 this is not an https server (SSL_CERT_FILE names other certificates)";

/// Returns whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1, but not a name that begins
/// with one of them.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Returns the URL of a service that receives keys, without a trailing slash, and the same as a URI.
/// Errors call it `name`.
pub(crate) fn endpoint(url: &str, name: &str) -> Result<(String, Uri)> {
    let url = url.trim().trim_end_matches('/');
    let parsed: Uri = url.parse().map_err(|_| {
        wrong(format!("{name} is not a URL: give https:// and the host that the console shows"))
    })?;
    let host = parsed.host().unwrap_or_default();
    match parsed.scheme_str() {
        Some("https") if !host.is_empty() => (),
        Some("http") if is_loopback(host) => (),
        Some("http") => {
            return Err(wrong(format!("{name} must be https, or the keys can be read on the way")));
        }
        _ => {
            return Err(wrong(format!(
                "{name} must be https:// and the host that the console shows"
            )));
        }
    }
    if parsed.query().is_some() || url.contains(['?', '#', '@']) {
        return Err(wrong(format!("{name} is a host, perhaps with a path, and nothing else")));
    }
    Ok((url.to_owned(), parsed))
}

/// Rejects a proxy of the environment that cannot be used for `target`, so that no request bypasses it.
pub(crate) fn check_proxy(target: &Uri) -> Result<()> {
    if is_loopback(target.host().unwrap_or_default()) {
        return Ok(());
    }
    // NO_PROXY contains the host.
    if Proxy::try_from_env().is_some_and(|proxy| proxy.is_no_proxy(target)) {
        return Ok(());
    }
    for variable in PROXIES {
        let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) else { continue };
        // The value is not shown: it may contain a password.
        let Some(proxy) = value.to_str().and_then(|value| Proxy::new(value).ok()) else {
            return Err(wrong(format!("{variable} is no URL of a proxy: give http://host:port")));
        };
        if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
            return Err(wrong(format!(
                "{variable} is a SOCKS proxy, which is not supported: give an HTTP proxy, or name the \
                 host in NO_PROXY"
            )));
        }
    }
    Ok(())
}

/// Returns whether an error is a TLS error, such as an untrusted certificate. A retry does not help.
pub(crate) fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // I/O errors and those of the library do not return their inner error as the source.
        next = match (error.downcast_ref::<std::io::Error>(), error.downcast_ref::<ureq::Error>()) {
            (Some(io), _) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            (_, Some(ureq::Error::Io(io))) => Some(io),
            (_, Some(ureq::Error::Rustls(_))) => return true,
            _ => error.source(),
        };
    }
    false
}

fn wrong(message: String) -> Error {
    Error::new(Code::InvalidOption, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.0.0.1.example",
            "127.example",
            "127.1",
            "localhost.example",
            "128.0.0.1",
            "[::2]",
            "0.0.0.0",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn errors_of_tls_are_found_wherever_they_are() {
        let tls = || rustls::Error::General("bad".into());
        assert!(is_tls(&tls()));
        assert!(is_tls(&std::io::Error::other(std::io::Error::other(tls()))));
        assert!(is_tls(&ureq::Error::Io(std::io::Error::other(tls()))));
        assert!(!is_tls(&std::io::Error::other("bad")));
    }
}
