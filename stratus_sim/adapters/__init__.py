"""Clusters a transaction can run on."""
