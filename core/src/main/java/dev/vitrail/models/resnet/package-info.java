/**
 * ResNet (He et al., 2016, arXiv:1512.03385) and BiT's pre-activation ResNetV2 (Kolesnikov et al.,
 * 2020, arXiv:1912.11370).
 */
package dev.vitrail.models.resnet;
