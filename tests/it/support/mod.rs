//! What the tests share: the lab's servers, and a developer's world to deploy from.

pub mod lab;
pub mod site;
pub mod world;
