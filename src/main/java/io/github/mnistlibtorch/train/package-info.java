/** The article's {@code evaluate} and {@code fit}, and what they ask of other processes that train the same model. */
@NullMarked
package io.github.mnistlibtorch.train;

import org.jspecify.annotations.NullMarked;
