//! How to talk to a hub that is not Wavecast: target files, the presets among them, and what they mean on the wire.

pub(crate) mod hub_dialect;
pub(crate) mod pointer;
pub(crate) mod presets;
pub(crate) mod pusher_app;
pub(crate) mod target_file;
pub(crate) mod template;
