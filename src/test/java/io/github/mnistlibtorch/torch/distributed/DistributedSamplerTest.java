package io.github.mnistlibtorch.torch.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@ExtendWith(LibTorchExtension.class)
class DistributedSamplerTest {
    /** What {@code record_sampler.py} has recorded of {@code torch.utils.data.distributed.DistributedSampler}. */
    static Stream<JsonNode> recorded() throws IOException {
        JsonNode cases = JsonMapper.shared()
                .readTree(Path.of("test-data/distributed-sampler.json").toFile());
        assertThat(cases.size()).isPositive();
        return cases.valueStream();
    }

    @ParameterizedTest
    @MethodSource("recorded")
    void orderIsPythons(JsonNode recorded) {
        DistributedSampler sampler = new DistributedSampler(
                recorded.get("size").asInt(),
                recorded.get("num_replicas").asInt(),
                recorded.get("rank").asInt(),
                recorded.get("shuffle").asBoolean(),
                recorded.get("seed").asLong(),
                recorded.get("drop_last").asBoolean());
        sampler.setEpoch(recorded.get("epoch").asInt());
        List<Integer> expected =
                recorded.get("indices").valueStream().map(JsonNode::asInt).toList();
        assertThat(indices(sampler)).isEqualTo(expected);
        assertThat(sampler.size()).isEqualTo(recorded.get("len").asInt());
    }

    @Test
    void theDefaultGeneratorIsNotDrawnFrom() {
        TorchRandom.manualSeed(1);
        long expected = TorchRandom.nextInt64(null);
        TorchRandom.manualSeed(1);
        indices(new DistributedSampler(10, 2, 0, true, 0, false));
        assertThat(TorchRandom.nextInt64(null)).isEqualTo(expected);
    }

    @Test
    void aRankOutOfRangeIsRefusedInPythonsWords() {
        assertThatThrownBy(() -> new DistributedSampler(10, 2, 2, true, 0, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Invalid rank 2, rank should be in the interval [0, 1]");
    }

    private static List<Integer> indices(DistributedSampler sampler) {
        List<Integer> indices = new ArrayList<>();
        sampler.forEach(indices::add);
        return indices;
    }
}
