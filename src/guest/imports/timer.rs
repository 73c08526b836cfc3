//! The guest's one timer. It must not know the heap of timers.
use super::super::command::Command;
use super::{Answer, Call, refuse};
use skep_abi::errno::EINVAL;

pub(super) fn timer_arm(call: &mut Call<'_>, deadline: i64, keep: i32) -> Answer<i32> {
    let deadline = match deadline {
        -1 => None,
        0.. => Some(deadline as u64),
        _ => return refuse(EINVAL),
    };
    call.room(0)?;
    call.state().outbox.push(Command::TimerArm { deadline, keep: keep != 0 });
    Ok(0)
}
