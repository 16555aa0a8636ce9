//! Tells the linker what Node will bring.

fn main() {
    napi_build::setup();
}
