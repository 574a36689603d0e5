//! Running a unit of work again that lost a race.
