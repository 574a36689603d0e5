mod fold;
mod matches;
mod model;
mod query;
mod searchable;
mod text;
