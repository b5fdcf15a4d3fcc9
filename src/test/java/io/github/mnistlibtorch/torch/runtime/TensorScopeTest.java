package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@SuppressWarnings("try") // scopes that are only opened and closed
@ExtendWith(LibTorchExtension.class)
class TensorScopeTest {
    @Test
    void whatIsMadeInAScopeIsFreedWithIt() {
        Tensor made;
        try (TensorScope scope = TensorScope.open()) {
            made = torch.ones(2);
            assertThat(made.isNull()).isFalse();
        }

        assertThat(made.isNull()).isTrue();
    }

    @Test
    void whatIsKeptIsTheCallersToClose() {
        Tensor kept;
        try (TensorScope scope = TensorScope.open()) {
            kept = scope.keep(torch.ones(2));
        }
        assertThat(kept.numel()).isEqualTo(2);

        kept.close();

        assertThat(kept.isNull()).isTrue();
    }

    @Test
    void whatIsMadeOutsideOutlivesTheScope() {
        Tensor outside = torch.ones(2);
        try (TensorScope scope = TensorScope.open()) {
            assertThat(outside.numel()).isEqualTo(2);
        }

        assertThat(outside.isNull()).isFalse();
        outside.close();
    }

    @Test
    void innerScopeFreesItsOwnOnly() {
        try (TensorScope outer = TensorScope.open()) {
            Tensor made = torch.ones(2);
            Tensor inInner;
            try (TensorScope inner = TensorScope.open()) {
                inInner = torch.ones(2);
            }

            assertThat(inInner.isNull()).isTrue();
            assertThat(made.isNull()).isFalse();
        }
    }

    @Test
    void whatIsAttachedToAnOuterScopeLivesAsLongAsThat() {
        Tensor attached;
        try (TensorScope outer = TensorScope.open()) {
            try (TensorScope inner = TensorScope.open()) {
                attached = outer.attach(torch.ones(2));
            }
            assertThat(attached.isNull()).isFalse();
        }

        assertThat(attached.isNull()).isTrue();
    }
}
