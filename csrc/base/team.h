// Where threads come from: one OpenMP team, or std::thread where the build has no OpenMP. The only file that knows.
#pragma once

#include <string>

namespace pk {

using ServeFn = void (*)(void* ctx, int helper);

// Starts threads 1 ... helpers and has each call serve(ctx, number) once. Returns how many there are: fewer where the
// system or OMP_THREAD_LIMIT grants fewer, or, with `dynamic`, where the runtime finds fewer reasonable (OMP_DYNAMIC).
//
// With OpenMP they are the threads of one parallel region that ends when all have returned; its primary thread is a
// thread of the library that sleeps meanwhile, since the callers of kernels must not wait at a region's end.
int start_team(int helpers, bool dynamic, ServeFn serve, void* ctx);
int start_std_threads(int helpers, ServeFn serve, void* ctx);

// The runtime's number of threads for a region that the calling thread would open; of a thread in which nobody set it.
// 0 without OpenMP.
int runtime_threads();
int runtime_threads_of_a_new_thread();
bool runtime_dynamic();    // OMP_DYNAMIC or omp_set_dynamic() in the calling thread
bool in_runtime_region();  // the caller runs inside a parallel region of the host program

// For people: "4.5 (/usr/lib/.../libgomp.so.1)", the version and the runtime in use; or that there is none.
std::string openmp_name();

}  // namespace pk
