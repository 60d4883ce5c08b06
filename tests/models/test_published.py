"""Models from the literature, written in the grammar, have the published numbers of parameters.

The models are built without memory for their weights: inside a stateless scope Keras only notes their shapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import pytest

from dlrun.models.build import build_model
from dlrun.models.grammar import check

if TYPE_CHECKING:
    from conftest import Project

VGG16 = """# VGG-16 (Simonyan & Zisserman, 2014)
defaults: [base, _self_]
filters: [64, 128, 256, 512, 512]   # list of int [1, inf): channels of each stage
depth: [2, 2, 3, 3, 3]              # list of int [1, inf): convolutions of each stage
hidden: [4096, 4096]                # list of int [1, inf): units of the fully connected layers
dropout: 0.5
layers:
  - for: {f: $filters, d: $depth}
    layers:
      - repeat: $d
        layers: [conv_act: $f]
      - max_pooling2d: 2
  - flatten
  - for: {units: $hidden}
    layers: [dense: $units, activation, dropout]
"""
RESNET18 = """# ResNet-18 (He et al., 2015)
defaults: [base, _self_]
filters: [64, 128, 256, 512]   # list of int [1, inf): channels of each stage
layers:
  - conv_bn: {filters: 64, kernel_size: 7, strides: 2}
  - activation
  - max_pooling2d: {pool_size: 3, strides: 2, padding: same}
  - for: {f: $filters, s: [1, 2, 2, 2]}
    layers:
      - basic_block: {filters: $f, strides: $s}
      - basic_block: $f
  - global_average_pooling2d
"""
SEP_BN = """# A separable convolution and batch normalization
filters: ???   # int [1, inf): channels
layers: [separable_conv2d: {filters: $filters, use_bias: false}, batch_normalization]
"""
XCEPTION = """# Xception (Chollet, 2017)
defaults: [base, _self_]
layers:
  - conv_bn: {filters: 32, strides: 2, padding: valid}
  - activation
  - conv_bn: {filters: 64, padding: valid}
  - activation
  - for: {f: [128, 256, 728], first: [true, false, false]}
    layers:
      - residual:
          - activation:
            when: $not first
          - sep_bn: $f
          - activation
          - sep_bn: $f
          - max_pooling2d: {pool_size: 3, strides: 2, padding: same}
        shortcut: [conv_bn: {filters: $f, kernel_size: 1, strides: 2}]
  - repeat: 8
    layers:
      - residual:
          - repeat: 3
            layers: [activation, sep_bn: 728]
  - residual:
      - activation
      - sep_bn: 728
      - activation
      - sep_bn: 1024
      - max_pooling2d: {pool_size: 3, strides: 2, padding: same}
    shortcut: [conv_bn: {filters: 1024, kernel_size: 1, strides: 2}]
  - for: {f: [1536, 2048]}
    layers: [sep_bn: $f, activation]
  - global_average_pooling2d
"""
INCEPTION_3A = """# Inception module 3a of GoogLeNet (Szegedy et al., 2014)
defaults: [base, _self_]
layers:
  - branches:
      - [conv_act: {filters: 64, kernel_size: 1}]
      - [conv_act: {filters: 96, kernel_size: 1}, conv_act: 128]
      - [conv_act: {filters: 16, kernel_size: 1}, conv_act: {filters: 32, kernel_size: 5}]
      - [max_pooling2d: {pool_size: 3, strides: 1, padding: same}, conv_act: {filters: 32, kernel_size: 1}]
"""
UNET = """# U-Net (Ronneberger et al., 2015), padded so that sizes stay
defaults: [base, _self_]
filters: [64, 128, 256, 512, 1024]   # list of int [1, inf): channels of each level, the bottom last
layers:
  - for: {f: "$filters[:-1]"}
    layers: [conv_act: $f, conv_act: $f, save: skip, max_pooling2d: 2]
  - conv_act: "$filters[-1]"
  - conv_act: "$filters[-1]"
  - for: {f: "$filters[:-1][::-1]"}
    layers:
      - conv2d_transpose: {filters: $f, kernel_size: 2, strides: 2}
      - join: skip
        merge: concatenate
      - conv_act: $f
      - conv_act: $f
head:
  conv2d: {filters: $outputs, kernel_size: 1}
"""


@pytest.fixture
def shapes_only() -> Iterator[None]:
    with keras.StatelessScope(initialize_variables=False):
        yield


def sizes(project: Project, text: str, shape: tuple[int, ...], outputs: int, **keys: Any) -> dict[str, int]:
    """The parameters of a model: `trained`, `statistics` (moving averages), and those of the output layer (`head`)."""
    spec = project.model(text, **keys)
    assert check(spec, project.catalog) == []
    model = build_model(spec, project.catalog, shape, outputs)

    def count(variables: list[Any]) -> int:
        return sum(math.prod(variable.shape) for variable in variables)

    moving = [variable for variable in model.non_trainable_variables if "moving" in variable.path]
    return {
        "trained": count(model.trainable_variables),
        "statistics": count(moving),
        "head": count(model.layers[-1].trainable_variables),
    }


@pytest.mark.usefixtures("shapes_only")
def test_vgg_16(project: Project) -> None:
    found = sizes(project, VGG16, (224, 224, 3), 1000, classes=1000)
    assert found == {"trained": 138_357_544, "statistics": 0, "head": 4_097_000}


@pytest.mark.usefixtures("shapes_only")
def test_resnet_18(project: Project) -> None:
    found = sizes(project, RESNET18, (224, 224, 3), 1000, classes=1000)
    assert found == {"trained": 11_689_512, "statistics": 9_600, "head": 513_000}


@pytest.mark.usefixtures("shapes_only")
def test_xception(project: Project) -> None:
    project.write("layer", "sep_bn", SEP_BN)
    found = sizes(project, XCEPTION, (299, 299, 3), 1000, classes=1000)
    assert found["trained"] + found["statistics"] == 22_910_480


@pytest.mark.usefixtures("shapes_only")
def test_inception_3a(project: Project) -> None:
    text = INCEPTION_3A + "  - global_average_pooling2d\n"
    found = sizes(project, text, (28, 28, 192), 10, classes=10)
    assert found["trained"] - found["head"] == 163_696


@pytest.mark.usefixtures("shapes_only")
def test_u_net(project: Project) -> None:
    # 31,030,528 is the net of one input channel without its last 1x1 convolution, which has 65 weights a class
    found = sizes(project, UNET, (256, 256, 1), 2, task="segmentation", classes=2)
    assert found == {"trained": 31_030_528 + 2 * 65, "statistics": 0, "head": 2 * 65}
