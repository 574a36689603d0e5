//! Checks `openapi.yaml` against itself and against the responses of the program.

mod answers;
mod ask;
mod document;
mod form;
mod refusals;
