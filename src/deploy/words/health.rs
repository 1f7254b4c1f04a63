//! The words of the health check.

use crate::model::server::ServerState;
use crate::model::settings::HttpCheck;

/// The URL, and its parts.
pub fn health(http: &HttpCheck, state: &ServerState) -> Vec<String> {
    // curl takes the URL whole; bash needs its parts, and asks http:// alone (`ready` has seen to that).
    let rest = http.url.split_once("://").map_or(http.url.as_str(), |(_, rest)| rest);
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(cut);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let (name, port) = match place.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, port),
        _ => (place, "80"),
    };
    vec![
        format!("health_url={}", http.url),
        format!("health_host={}", http.host.as_deref().unwrap_or_default()),
        format!("health_name={}", name.trim_matches(['[', ']'])),
        format!("health_port={port}"),
        format!("health_path={path}"),
        format!("asker={}", state.http_asker.as_deref().unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_for_bash() {
        let parts = |url: &str| {
            let http = HttpCheck { url: url.into(), host: None, status: vec![] };
            health(&http, &ServerState::default())[2..5].join(" ")
        };
        assert_eq!(
            parts("http://127.0.0.1:3001/healthz?x=1"),
            "health_name=127.0.0.1 health_port=3001 health_path=/healthz?x=1"
        );
        assert_eq!(parts("http://localhost"), "health_name=localhost health_port=80 health_path=/");
        assert_eq!(parts("http://[::1]:8080/"), "health_name=::1 health_port=8080 health_path=/");
        assert_eq!(parts("http://[::1]/"), "health_name=::1 health_port=80 health_path=/");
    }
}
