//! The binary `flexai`: nothing but the door to the library.

fn main() {}
