/** A run of the article as a program: its configuration, checkpoints, and how it goes on after an interruption. */
@NullMarked
package io.github.mnistlibtorch.app.run;

import org.jspecify.annotations.NullMarked;
