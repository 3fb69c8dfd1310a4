/** The models of vit-pytorch: ViT, SimpleViT, T2T-ViT and CaiT. */
package dev.vitrail.models.compact;
