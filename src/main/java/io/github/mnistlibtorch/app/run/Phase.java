package io.github.mnistlibtorch.app.run;

/**
 * Some epochs at one learning rate: one call of {@code fit}.
 *
 * @param lr learning rate
 */
public record Phase(int epochs, double lr) {}
