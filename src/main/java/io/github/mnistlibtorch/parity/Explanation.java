package io.github.mnistlibtorch.parity;

import org.jspecify.annotations.Nullable;

/**
 * Why a float32 run has left the trace.
 *
 * @param fork the cause; {@code null} if it is not a ReLU fork, or none could be found
 * @param text for a person
 */
public record Explanation(@Nullable Fork fork, String text) {}
