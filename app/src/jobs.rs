//! Long work that outlives its process.
