package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // scopes that are only opened and closed
class ScopeTest {
    @BeforeAll
    static void startLibTorch() {
        LibTorch.start();
    }

    @Test
    void whatIsMadeInAScopeIsFreedWithIt() {
        Tensor made;
        try (Scope scope = Scope.open()) {
            made = torch.ones(2);
            assertThat(made.isNull()).isFalse();
        }

        assertThat(made.isNull()).isTrue();
    }

    @Test
    void whatIsKeptIsTheCallersToClose() {
        Tensor kept;
        try (Scope scope = Scope.open()) {
            kept = scope.keep(torch.ones(2));
        }
        assertThat(kept.numel()).isEqualTo(2);

        kept.close();

        assertThat(kept.isNull()).isTrue();
    }

    @Test
    void whatIsMadeOutsideOutlivesTheScope() {
        Tensor outside = torch.ones(2);
        try (Scope scope = Scope.open()) {
            assertThat(outside.numel()).isEqualTo(2);
        }

        assertThat(outside.isNull()).isFalse();
        outside.close();
    }

    @Test
    void innerScopeFreesItsOwnOnly() {
        try (Scope outer = Scope.open()) {
            Tensor made = torch.ones(2);
            Tensor inInner;
            try (Scope inner = Scope.open()) {
                inInner = torch.ones(2);
            }

            assertThat(inInner.isNull()).isTrue();
            assertThat(made.isNull()).isFalse();
        }
    }

    @Test
    void whatIsAttachedToAnOuterScopeLivesAsLongAsThat() {
        Tensor attached;
        try (Scope outer = Scope.open()) {
            try (Scope inner = Scope.open()) {
                attached = outer.attach(torch.ones(2));
            }
            assertThat(attached.isNull()).isFalse();
        }

        assertThat(attached.isNull()).isTrue();
    }
}
