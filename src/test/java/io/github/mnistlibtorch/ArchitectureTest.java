package io.github.mnistlibtorch;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArchitectureTest {
    private static final String ROOT = "io.github.mnistlibtorch";

    /** From the top down; imports point down this list only. The root package holds the tutorial and {@code Main}. */
    private static final List<String> PACKAGES = List.of(
            ROOT + ".cli",
            ROOT,
            ROOT + ".parity",
            ROOT + ".plot",
            ROOT + ".train",
            ROOT + ".model",
            ROOT + ".device",
            ROOT + ".vision",
            ROOT + ".data",
            ROOT + ".io",
            ROOT + ".libtorch");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    static List<String> packages() {
        return PACKAGES;
    }

    @ParameterizedTest
    @MethodSource("packages")
    void packageImportsNothingAboveIt(String lower) {
        List<String> above = new ArrayList<>(PACKAGES.subList(0, PACKAGES.indexOf(lower)));
        // Main starts the command line: the one arrow that has to point up.
        noClasses()
                .that()
                .resideInAPackage(lower)
                .and()
                .doNotHaveFullyQualifiedName(ROOT + ".Main")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(above.toArray(String[]::new))
                .allowEmptyShould(above.isEmpty())
                .check(CLASSES);
    }

    @Test
    void modelAndDeviceDoNotKnowEachOther() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".model")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + ".device")
                .check(CLASSES);
    }

    @Test
    void everyPackageIsOnTheList() {
        assertThat(CLASSES.stream().map(type -> type.getPackageName()).distinct())
                .containsExactlyInAnyOrderElementsOf(PACKAGES);
    }
}
