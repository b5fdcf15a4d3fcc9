package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class SubsetTest {
    @Test
    void subsetOfASubsetMapsThroughBothIndexLists() {
        Dataset<Integer> inner = new Subset<>(items(10, index -> 10 + index), new int[] {7, 3, 5, 1});
        Dataset<Integer> outer = new Subset<>(inner, new int[] {2, 0});

        assertThat(outer.getItems(new int[] {0, 1})).isEqualTo(recorded("splits", "subset of a subset"));
        assertThat(outer.get(1)).isEqualTo(17);
        assertThat(outer.size()).isEqualTo(2);
    }

    @Test
    void batchOfItemsIsFetchedFromTheDatasetInOneCallWithItsOwnIndices() {
        List<int[]> calls = new ArrayList<>();
        Dataset<Integer> dataset = new Dataset<>() {
            @Override
            public Integer get(int index) {
                throw new AssertionError("items were to be fetched together");
            }

            @Override
            public int size() {
                return 10;
            }

            @Override
            public List<Integer> getItems(int[] indices) {
                calls.add(indices);
                return Arrays.stream(indices).boxed().toList();
            }
        };

        List<Integer> items = new Subset<>(dataset, new int[] {8, 6, 4}).getItems(new int[] {2, 0});

        assertThat(items).containsExactly(4, 8);
        assertThat(calls).containsExactly(new int[] {4, 8});
    }

    @Test
    void indicesAreItsOwn() {
        int[] given = {3, 1};
        Subset<Integer> subset = new Subset<>(range(5), given);
        given[0] = 0;
        subset.indices()[1] = 0;

        assertThat(subset.indices()).containsExactly(3, 1);
        assertThat(subset.getItems(new int[] {0, 1})).containsExactly(3, 1);
    }

    @Test
    void indexBeyondTheSubsetIsRefusedAlthoughTheDatasetHasIt() {
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> new Subset<>(range(5), new int[] {3, 1}).get(2));
    }
}
