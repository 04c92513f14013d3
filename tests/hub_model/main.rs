//! The real hub against a naive model: joins, leaves, broadcasts, deaths and evictions in
//! any order, one after the other (`model`) and all at once (`races`); replays beside live publications (`replays`).

mod frames;
mod model;
mod races;
mod replays;
