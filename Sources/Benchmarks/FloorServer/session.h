#pragma once

#include <stddef.h>

/// One Adam with PyTorch's defaults over one F32 vector. Zero-filled, it is an empty session.
struct session {
    size_t count;
    long step;
    float *vector;  // gradients come in, parameters go out; the other three lie behind it
    float *parameters;
    float *exp_avg;
    float *exp_avg_sq;
};

/// Where the next `count` gradients go. Another count than before starts the session anew. NULL
/// when there is no memory for it.
float *session_vector(struct session *session, size_t count);

/// One step with the gradients in the vector; leaves the parameters there.
void session_step(struct session *session);
