//! The list of the exercises, and what grades each. A piece cannot pass by leaving a check out: the
//! checks stand here, and not in the piece.

#[path = "grading/lab.rs"]
pub mod lab;
#[path = "grading/memory.rs"]
pub mod memory;
#[path = "grading/numbers.rs"]
pub mod numbers;
#[path = "grading/processes.rs"]
pub mod processes;
#[path = "grading/server.rs"]
pub mod server;

/// Calls a macro with all exercises: the name of the test, that of the piece, and its grading.
macro_rules! for_all_exercises {
    ($macro:ident) => {
        $macro! {
            e1_01_the_lock_is_gone: "e1_01" numbers::e1_01,
            e1_02_the_lock_around_the_wrong_half: "e1_02" numbers::e1_02,
            e1_03_a_third_step_that_looks_again: "e1_03" numbers::e1_03,
            e2_01_buddies_that_do_not_join: "e2_01" memory::e2_01,
            e2_02_the_last_tenants_bytes: "e2_02" memory::e2_02,
            e2_03_a_reader_writer_lock_for_a_block: "e2_03" memory::e2_03,
            e2_04_a_lease_that_ends_early_and_late: "e2_04" memory::e2_04,
            e3_01_a_lock_held_while_a_socket_is_written: "e3_01" server::e3_01,
            e3_02_two_locks_in_two_orders: "e3_02" server::e3_02,
            e3_03_a_line_in_two_pieces: "e3_03" server::e3_03,
            e3_04_a_stop_that_nobody_hears: "e3_04" server::e3_04,
            e4_01_a_length_that_is_believed: "e4_01" server::e4_01,
            e4_02_a_history_that_forgets_too_early: "e4_02" server::e4_02,
            e4_03_two_byte_orders: "e4_03" server::e4_03,
            e5_01_collateral_used_twice: "e5_01" processes::e5_01,
            e5_02_a_debt_repaid_in_the_wrong_order: "e5_02" processes::e5_02,
            e5_03_a_limit_that_is_asked_too_late: "e5_03" processes::e5_03,
            e6_01_a_message_whose_sender_died: "e6_01" processes::e6_01,
            e6_02_seats_for_everybody: "e6_02" processes::e6_02,
            e6_03_a_sub_block_freed_too_soon: "e6_03" processes::e6_03,
            e7_01_how_many_schedules: "e7_01" lab::e7_01,
            e7_02_a_schedule_with_three_duplicates: "e7_02" lab::e7_02,
            e7_03_could_one_counter_have_done_this: "e7_03" lab::e7_03,
            e8_01_a_string_without_its_nul: "e8_01" lab::e8_01,
            e8_02_an_echo_of_a_thousand_bytes: "e8_02" lab::e8_02,
            e9_01_best_fit_or_first_fit: "e9_01" memory::e9_01,
        }
    };
}

pub(crate) use for_all_exercises;
