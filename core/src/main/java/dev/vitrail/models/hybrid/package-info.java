/**
 * Vision transformers behind the first stages of a ResNet (Dosovitskiy et al., 2021, arXiv:2010.11929, section 3.1).
 */
package dev.vitrail.models.hybrid;
