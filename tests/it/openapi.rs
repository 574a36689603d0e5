//! `openapi.yaml`, held against itself and against what the program answers.

mod answers;
mod ask;
mod document;
mod form;
mod refusals;
