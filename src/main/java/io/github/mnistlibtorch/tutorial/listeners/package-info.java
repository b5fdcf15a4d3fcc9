/** What can listen to {@code fit}: learning rate schedules, early stopping, TensorBoard. */
@NullMarked
package io.github.mnistlibtorch.tutorial.listeners;

import org.jspecify.annotations.NullMarked;
