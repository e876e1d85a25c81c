// Counts calls and returns, of Python's functions and of C's, for `call_counter.py`.
#include <Python.h>

static long long events;

static int count(PyObject *self, PyFrameObject *frame, int what, PyObject *arg) {
  ++events;
  return 0;
}

void start(void) {
  events = 0;
  PyEval_SetProfile(count, NULL);
}

long long stop(void) {
  PyEval_SetProfile(NULL, NULL);
  return events;
}
