/** The article's network and its accuracy. */
@NullMarked
package io.github.mnistlibtorch.model;

import org.jspecify.annotations.NullMarked;
