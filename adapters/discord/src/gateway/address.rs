//! The addresses at which gateways are reached.

use http::Uri;

use crate::config::ApiUrl;

/// Returns the address of a gateway without its path and query, if it is one that the token may be sent to: encrypted,
/// unless the API is not either, as that of a simulator.
pub(super) fn gateway(url: &str, api: &ApiUrl) -> Option<String> {
    let uri: Uri = url.trim().parse().ok()?;
    let scheme = uri.scheme_str()?;
    let is_allowed = scheme == "wss" || scheme == "ws" && !api.is_encrypted();
    let authority = uri.authority().map(http::uri::Authority::as_str)?;
    let is_plain = !authority.contains('@') && uri.host().is_some_and(|host| !host.is_empty());
    (is_allowed && is_plain).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_encrypted_addresses_only_unless_the_api_is_a_simulator() {
        let (discord, simulator) = (ApiUrl::default(), "http://127.0.0.1:9/api/v10".parse().unwrap());
        let of = |url| (gateway(url, &discord), gateway(url, &simulator));
        let wss = Some("wss://gateway.discord.gg".to_owned());
        assert_eq!(of("wss://gateway.discord.gg/?v=9"), (wss.clone(), wss));
        assert_eq!(of("ws://127.0.0.1:9"), (None, Some("ws://127.0.0.1:9".to_owned())));
        for wrong in ["", "gateway.discord.gg", "https://discord.com", "wss://user@host", "wss://", "not an address"] {
            assert_eq!(of(wrong), (None, None), "{wrong}");
        }
    }
}
