/**
 * What the article defines, under its names and in its order: the models, {@code evaluate} and {@code fit}, devices. Nothing here
 * knows a command line, a checkpoint or a rank.
 */
@NullMarked
package io.github.mnistlibtorch.tutorial;

import org.jspecify.annotations.NullMarked;
