//! `verta doctor`.

use std::io::{self, Write};
use std::process::ExitCode;

use app_core::doctor::{Check, Doctor, State};
use serde::Serialize;

use super::failure;
use super::terminal::stdout;

/// All checks, as they are printed.
#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
}

/// Runs every check and prints it: success if none failed.
pub(crate) async fn run(doctor: &Doctor, json: bool) -> ExitCode {
    let report = Report { checks: doctor.run().await };
    if let Err(error) = print(&report, json) {
        return failure(&error);
    }
    let failed = report.checks.iter().any(|check| check.state == State::Failed);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    if json {
        return writeln!(stdout(), "{}", serde_json::to_string(report)?);
    }
    for check in &report.checks {
        let state = match check.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "failed",
        };
        writeln!(stdout(), "{state:<8} {}: {}", check.name, check.detail)?;
    }
    Ok(())
}
