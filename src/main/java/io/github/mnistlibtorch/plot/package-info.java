/** The article's two plots. */
@NullMarked
package io.github.mnistlibtorch.plot;

import org.jspecify.annotations.NullMarked;
