/** The article's {@code evaluate} and {@code fit}, where a training stands, what listens to it, and the optimizers. */
@NullMarked
package io.github.mnistlibtorch.train;

import org.jspecify.annotations.NullMarked;
