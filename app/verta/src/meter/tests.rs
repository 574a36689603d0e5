use prometheus_client::encoding::text::encode;
use tracing::{debug_span, field, trace};
use tracing_subscriber::layer::SubscriberExt;

use super::*;

/// Returns the metrics after `work`, without their help.
fn measured(work: impl FnOnce()) -> String {
    let meter = Meter::new();
    let mut registry = Registry::with_prefix("verta");
    meter.register(&mut registry);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(meter.with_filter(Measured)), work);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn a_span_is_counted_by_its_operation_and_outcome() {
    let text = measured(|| {
        for outcome in [None, Some("limited"), None] {
            let span = debug_span!("discord.fetch", route = "GET /users/@me", outcome = field::Empty);
            if let Some(outcome) = outcome {
                span.record("outcome", outcome);
            }
        }
        drop(debug_span!("media.fetch", bytes = 700_u64));
        debug_span!("media.fetch", bytes = field::Empty).record("bytes", 300_u64);
        drop(debug_span!("http.request", route = "/"));
    });
    for line in [
        "verta_discord_requests_total{route=\"GET /users/@me\",outcome=\"ok\"} 2\n",
        "verta_discord_requests_total{route=\"GET /users/@me\",outcome=\"limited\"} 1\n",
        "verta_discord_request_duration_seconds_count{route=\"GET /users/@me\"} 3\n",
        "verta_media_operations_total{operation=\"fetch\",outcome=\"ok\"} 2\n",
        "verta_media_operation_bytes_total{operation=\"fetch\"} 1000\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("http"), "{text}");
}

#[test]
fn an_error_inside_a_span_is_its_outcome() {
    let text = measured(|| {
        debug_span!("db.channel.upsert").in_scope(|| trace!(error = "gone"));
        debug_span!("db.channel.upsert").in_scope(|| trace!("no error"));
        debug_span!("db.channel.upsert").in_scope(|| tracing::warn!(error = "of a log line"));
    });
    assert!(text.contains("verta_store_calls_total{call=\"channel.upsert\",outcome=\"error\"} 1\n"), "{text}");
    assert!(text.contains("verta_store_calls_total{call=\"channel.upsert\",outcome=\"ok\"} 2\n"), "{text}");
}
