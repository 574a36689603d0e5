mod damage;
mod model;
mod pages;
mod privacy;
