//! Options that take one of a few words.

use clap::ValueEnum;

use crate::app::output::color::ColorChoice;
use crate::model::{Direction, MethodChoice};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum MethodArg {
    Auto,
    Tcp,
    Icmp,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum DirectionArg {
    Forward,
    Reverse,
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorArg {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AdviceArg {
    Likely,
    All,
}

impl From<MethodArg> for MethodChoice {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Auto => Self::Auto,
            MethodArg::Tcp => Self::Tcp,
            MethodArg::Icmp => Self::Icmp,
        }
    }
}

impl From<DirectionArg> for Direction {
    fn from(direction: DirectionArg) -> Self {
        match direction {
            DirectionArg::Forward => Self::Forward,
            DirectionArg::Reverse => Self::Reverse,
            DirectionArg::Both => Self::Both,
        }
    }
}

impl From<ColorArg> for ColorChoice {
    fn from(color: ColorArg) -> Self {
        match color {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}
