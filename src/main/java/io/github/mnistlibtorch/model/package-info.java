/** Models: what {@code fit} asks of one, the article's network and others, accuracy, state dicts. */
@NullMarked
package io.github.mnistlibtorch.model;

import org.jspecify.annotations.NullMarked;
