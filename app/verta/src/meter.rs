//! Metrics of the store, Discord, files, syncs and jobs: the durations and outcomes of spans.
//!
//! A part of the program that is measured opens a span for each operation. [`Meter`] measures the spans that [`GROUPS`]
//! names, whatever `LOG` selects for the log.

use std::fmt::Debug;
use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A group of spans that are measured.
struct Spec {
    /// The start of their names.
    spans: &'static str,
    /// The name of the counter; that of the histogram is derived from it.
    name: &'static str,
    /// The label that tells operations apart: its value is the span's field of that name, or else the rest of its name.
    label: &'static str,
    help: &'static str,
    /// The span's field that is summed up, if there is one.
    amount: Option<&'static str>,
}

const GROUPS: [Spec; 8] = [
    Spec { spans: "db.", name: "store_calls", label: "call", help: "Calls of the store", amount: None },
    Spec {
        spans: "discord.fetch",
        name: "discord_requests",
        label: "route",
        help: "Requests to Discord, without their waits",
        amount: None,
    },
    Spec {
        spans: "discord.wait",
        name: "discord_waits",
        label: "route",
        help: "Waits of requests to Discord for its rate limits",
        amount: None,
    },
    Spec {
        spans: "sync.",
        name: "sync_operations",
        label: "operation",
        help: "Pages of messages stored by syncs",
        amount: Some("messages"),
    },
    Spec {
        spans: "live.",
        name: "live_operations",
        label: "operation",
        help: "Units of work with events",
        amount: Some("events"),
    },
    Spec {
        spans: "media.",
        name: "media_operations",
        label: "operation",
        help: "Files fetched and opened",
        amount: Some("bytes"),
    },
    Spec {
        spans: "indexnow.",
        name: "indexnow_requests",
        label: "operation",
        help: "Requests to IndexNow",
        amount: Some("addresses"),
    },
    Spec { spans: "job.", name: "jobs", label: "kind", help: "Runs of jobs", amount: None },
];

type Labels = Vec<(&'static str, String)>;

/// The durations and outcomes of a group of spans.
#[derive(Clone)]
struct Group {
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    total: Family<Labels, Counter>,
    amount: Family<Labels, Counter>,
}

/// A span that is being measured.
struct Timing {
    group: usize,
    begun: Instant,
    operation: String,
    outcome: Option<String>,
    amount: u64,
}

/// A layer of the subscriber that measures spans. A clone counts for the same metrics.
#[derive(Clone)]
pub(crate) struct Meter {
    groups: [Group; GROUPS.len()],
}

impl Meter {
    fn new() -> Self {
        let group = || Group {
            seconds: Family::new_with_constructor(histogram),
            total: Family::default(),
            amount: Family::default(),
        };
        Self { groups: std::array::from_fn(|_| group()) }
    }

    /// Adds the metrics to those of a server.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for (Spec { name, label, help, amount, .. }, group) in GROUPS.iter().zip(&self.groups) {
            let one = name.trim_end_matches('s');
            registry.register(*name, format!("{help}, by {label} and outcome"), group.total.clone());
            registry.register(
                format!("{one}_duration_seconds"),
                format!("{help}: time, by {label}"),
                group.seconds.clone(),
            );
            if let Some(amount) = amount {
                registry.register(format!("{one}_{amount}"), format!("{help}: {amount}"), group.amount.clone());
            }
        }
    }
}

/// Returns the meter of the process, which has one subscriber.
pub(crate) fn meter() -> &'static Meter {
    static METER: LazyLock<Meter> = LazyLock::new(Meter::new);
    &METER
}

/// Returns a histogram from a tenth of a millisecond to half a minute; jobs take longer.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 10))
}

/// Returns the group of a span, and the part of its name that identifies the operation.
fn group(span: &'static str) -> Option<(usize, &'static str)> {
    GROUPS.iter().enumerate().find_map(|(index, spec)| Some((index, span.strip_prefix(spec.spans)?)))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Meter {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some((group, name)), Some(span)) = (group(attributes.metadata().name()), context.span(id)) else { return };
        let mut timing = Timing { group, begun: Instant::now(), operation: name.to_owned(), outcome: None, amount: 0 };
        attributes.record(&mut timing);
        span.extensions_mut().insert(timing);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(timing) = span.extensions_mut().get_mut::<Timing>() {
            values.record(timing);
        }
    }

    /// An event with an error is the outcome of the span that it is in.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        if let Some(timing) = span.extensions_mut().get_mut::<Timing>() {
            timing.outcome.get_or_insert_with(|| "error".to_owned());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Timing { group, begun, operation, outcome, amount }) = span.extensions_mut().remove::<Timing>() else {
            return;
        };
        let (label, group) = (GROUPS[group].label, &self.groups[group]);
        group.seconds.get_or_create(&vec![(label, operation.clone())]).observe(begun.elapsed().as_secs_f64());
        if amount > 0 {
            group.amount.get_or_create(&vec![(label, operation.clone())]).inc_by(amount);
        }
        let outcome = outcome.unwrap_or_else(|| "ok".to_owned());
        group.total.get_or_create(&vec![(label, operation), ("outcome", outcome)]).inc();
    }
}

impl Visit for Timing {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "outcome" {
            self.outcome = Some(value.to_owned());
        } else if field.name() == GROUPS[self.group].label {
            value.clone_into(&mut self.operation);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if GROUPS[self.group].amount == Some(field.name()) {
            self.amount = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Selects the spans that are measured, and the errors that end them.
pub(crate) struct Measured;

impl<S> Filter<S> for Measured {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_measured(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_measured(metadata) { Interest::always() } else { Interest::never() }
    }
}

fn is_measured(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        return group(metadata.name()).is_some();
    }
    *metadata.level() == Level::TRACE && metadata.fields().field("error").is_some()
}

#[cfg(test)]
mod tests;
