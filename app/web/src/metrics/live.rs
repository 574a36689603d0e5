//! Metrics of the events that this process follows, and of the connections over which they come.

use std::fmt;

use app_core::live::LiveStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the metrics when they are requested.
#[derive(Debug)]
pub(super) struct LiveMetrics(pub(super) LiveStatus);

impl Collector for LiveMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.stats();
        let help = "Events received from Discord, by type";
        let mut events = encoder.encode_descriptor("gateway_events", help, None, MetricType::Counter)?;
        for (name, count) in &stats.events {
            ConstCounter::new(*count).encode(events.encode_family(&[("type", name.as_str())])?)?;
        }
        let counters = [
            ("gateway_events_unknown", "Events of unknown types, and payloads with unknown opcodes", stats.unknown),
            ("gateway_events_unreadable", "Events that could not be read", stats.unreadable),
            ("gateway_reconnects", "Attempts to connect again", stats.reconnects),
            ("gateway_resumes", "Sessions that were resumed, without a gap", stats.resumes),
            ("gateway_sessions", "Sessions that were started, each after a gap", stats.sessions),
        ];
        for (name, help, count) in counters {
            let metric = ConstCounter::new(count);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        let gauges = [
            ("gateway_shards_connected", "Shards that have a session with a connection", u64::from(stats.connected)),
            ("gateway_queued_events", "Events that were received and not yet stored", stats.queued_events),
            ("gateway_queued_bytes", "Size of these events in bytes", stats.queued_bytes),
            ("gateway_spilled_bytes", "Part of these bytes that waits on the disk", stats.spilled_bytes),
        ];
        let left = stats.identifies_left.map(|left| {
            ("gateway_identifies_left", "Sessions that can still be started today, as last reported", u64::from(left))
        });
        for (name, help, value) in gauges.into_iter().chain(left) {
            let metric = ConstGauge::new(value.cast_signed());
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        if let Some(lag) = self.0.lag() {
            let metric = ConstGauge::new(lag.as_secs_f64());
            let help = "Seconds from the receipt of an event to the commit of its effect, of the last unit of work";
            metric.encode(encoder.encode_descriptor("live_lag_seconds", help, None, metric.metric_type())?)?;
        }
        Ok(())
    }
}
