// How many threads large work may use, in the order of precedence:
//   1. what the host program asks of the OpenMP runtime in the calling thread (omp_set_num_threads, threadpoolctl);
//   2. set_num_threads();
//   3. OMP_NUM_THREADS as it was when the process asked first;
//   4. the smallest of the affinity mask and the control group's quota.
// Of the first two, in one thread, the later one counts. A build without OpenMP has no first one.
#pragma once

namespace pk {

int num_threads();
void set_num_threads(int n);  // n >= 1; throws std::invalid_argument otherwise

}  // namespace pk
