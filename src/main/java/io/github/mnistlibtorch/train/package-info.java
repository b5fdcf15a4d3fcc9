/** The article's {@code evaluate} and {@code fit}. */
@NullMarked
package io.github.mnistlibtorch.train;

import org.jspecify.annotations.NullMarked;
