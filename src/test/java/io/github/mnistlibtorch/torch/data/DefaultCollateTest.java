package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class DefaultCollateTest {
    private @Nullable TensorScope scope;

    @BeforeEach
    void openScope() {
        scope = TensorScope.open();
    }

    @AfterEach
    void closeScope() {
        if (scope != null) {
            scope.close();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "whole numbers",
                "fractions",
                "fraction, then whole number",
                "booleans",
                "strings",
                "maps",
                "lists",
                "nested lists"
            })
    void itemsAreBatchedAsInPython(String items) {
        List<?> recordedItems = (List<?>) recorded("collate", items, "items");

        assertThat(described(DefaultCollate.collate(recordedItems))).isEqualTo(recorded("collate", items, "batch"));
    }

    @Test
    void pairsOfTensorAndNumberAreBatchedColumnByColumn() {
        List<Object> pairs = List.of(List.of(torch.ones(1, 2), 3), List.of(torch.zeros(1, 2), 4));

        assertThat(flattened(DefaultCollate.collate(pairs))).isEqualTo(flattened(recorded("collate", "pairs")));
    }

    @Test
    void examplesBecomeABatch() {
        List<LabeledImage> examples =
                List.of(new LabeledImage(torch.ones(1, 2), 3), new LabeledImage(torch.zeros(1, 2), 4));
        Batch batch = (Batch) DefaultCollate.collate(examples);

        assertThat(flattened(List.of(batch.images(), batch.labels())))
                .isEqualTo(flattened(recorded("collate", "pairs")));
    }

    @Test
    void wideAndNarrowNumbersGoTogether() {
        assertThat(described(DefaultCollate.collate(List.of(1, 2L, -1))))
                .isEqualTo(recorded("collate", "whole numbers", "batch"));
        assertThat(described(DefaultCollate.collate(List.of(2.5f, 1))))
                .isEqualTo(recorded("collate", "fraction, then whole number", "batch"));
    }

    @Test
    void fractionAfterAWholeNumberIsRefusedRatherThanCut() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(1, 2.5)))
                .withMessage("default_collate: expected whole numbers like the first, found 2.5");
    }

    @Test
    void bytesStayAList() {
        byte[] bytes = {1, 2};

        assertThat(DefaultCollate.collate(List.of(bytes))).isEqualTo(List.of(bytes));
    }

    @Test
    void listsOfUnequalLengthAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(List.of(1, 2), List.of(3))))
                .withMessage(recordedMessage("collate", "ragged lists"));
    }

    @Test
    void tensorsOfUnequalShapeAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(torch.ones(2), torch.ones(3))))
                .withMessage(recordedMessage("collate", "ragged tensors"));
    }

    @Test
    void itemsOfAnotherTypeAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(new Object())))
                .withMessageStartingWith("default_collate: batch must contain tensors,")
                .withMessageEndingWith("found java.lang.Object");
    }

    @Test
    void itemsOfDifferentTypesAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(true, "text")))
                .withMessageContaining("found java.lang.String");
    }

    @Test
    void mapWithoutAKeyOfTheFirstIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of(Map.of("a", 1), Map.of("b", 2))))
                .withMessage("each map in a batch should have the key 'a'");
    }

    /** A batch in the words of the record. */
    private static @Nullable Object described(@Nullable Object batch) {
        if (batch instanceof Tensor tensor) {
            return Map.of("dtype", dtype(tensor), "shape", shape(tensor), "values", values(tensor));
        }
        if (batch instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> described = new LinkedHashMap<>();
            map.forEach((key, value) -> described.put(key, described(value)));
            return described;
        }
        if (batch instanceof List<?> list) {
            List<@Nullable Object> described = new ArrayList<>();
            list.forEach(part -> described.add(described(part)));
            return described;
        }
        return batch;
    }

    /** The same, with the values of each tensor in one row. */
    private static List<Object> flattened(Object tensors) {
        List<Object> flattened = new ArrayList<>();
        for (Object tensor : (List<?>) tensors) {
            if (tensor instanceof Tensor t) {
                flattened.add(List.of(dtype(t), shape(t), values(t).toString()));
            } else {
                Map<?, ?> description = (Map<?, ?>) tensor;
                String values = String.valueOf(description.get("values")).replaceAll("[\\[\\]]", "");
                flattened.add(List.of(
                        String.valueOf(description.get("dtype")),
                        List.copyOf((List<?>) description.get("shape")),
                        "[" + values + "]"));
            }
        }
        return flattened;
    }

    private static String dtype(Tensor tensor) {
        return switch (tensor.scalar_type().intern()) {
            case Long -> "torch.int64";
            case Double -> "torch.float64";
            case Float -> "torch.float32";
            case Bool -> "torch.bool";
            default -> throw new AssertionError(tensor.scalar_type());
        };
    }

    private static List<Integer> shape(Tensor tensor) {
        return Arrays.stream(tensor.shape()).mapToObj(Math::toIntExact).toList();
    }

    private static List<Object> values(Tensor tensor) {
        ScalarType type = tensor.scalar_type().intern();
        return LongStream.range(0, tensor.numel())
                .mapToObj(i -> switch (type) {
                    case Long -> (Object) Math.toIntExact(tensor.data_ptr_long().get(i));
                    case Double -> tensor.data_ptr_double().get(i);
                    case Float -> tensor.data_ptr_float().get(i);
                    case Bool -> tensor.data_ptr_bool().get(i);
                    default -> throw new AssertionError(type);
                })
                .toList();
    }
}
