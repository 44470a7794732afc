//! Vectorise: one body, compiled once for each instruction set.

/// Defines a function whose first argument is the [`Level`](crate::level::Level) that its body is
/// compiled for. The body should be loops over slices that the compiler can turn into vectors; what
/// it calls should be `#[inline(always)]`, because only inlined code is compiled for the level.
macro_rules! vectorise {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$attribute])*
        $visibility fn $name(level: $crate::level::Level, $($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn portable($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    portable($($argument),*)
                }

                #[target_feature(enable = "avx2,fma,bmi1,bmi2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    portable($($argument),*)
                }

                match level {
                    // SAFETY: a level is never above the best of the processor.
                    $crate::level::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::level::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::level::Level::Portable => {}
                }
            }
            let _ = level;
            portable($($argument),*)
        }
    };
}

pub(crate) use vectorise;
