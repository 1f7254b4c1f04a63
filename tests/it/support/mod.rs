//! What the tests share: the lab's servers, what they say of themselves, and a developer's world to deploy from.

pub mod facts;
pub mod lab;
pub mod site;
pub mod watched;
pub mod world;
