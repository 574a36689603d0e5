//! Importing files that other tools wrote.
