"""Vitrail's stages of Spark ML for PySpark.

The JVM does the work: the session needs Vitrail's jars (``--jars``), and this file where Python finds it (``--py-files``).

    from vitrail_spark import VitrailClassifier

    photos = spark.read.format("binaryFile").load("photos")
    classifier = VitrailClassifier(model="vit_tiny_patch16_224.augreg_in21k_ft_in1k")
    classifier.transform(photos).select("path", "prediction.label", "prediction.probability").show()
"""

import sys
from types import ModuleType

from pyspark import keyword_only
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLWritable
from pyspark.ml.wrapper import JavaTransformer
from pyspark.sql import SparkSession

__all__ = ["VitrailClassifier", "VitrailEmbedder", "register_functions"]

# PySpark finds the Python class of a saved stage by the name of its class in the JVM, and the other way round.
_JVM_PACKAGE = "dev.vitrail.spark"


def _name_as_in_jvm():
    """Makes this module known by the name of the package in the JVM."""
    parent = None
    parts = _JVM_PACKAGE.split(".")
    for count in range(1, len(parts)):
        name = ".".join(parts[:count])
        package = sys.modules.setdefault(name, ModuleType(name))
        if parent is not None:
            setattr(parent, parts[count - 1], package)
        parent = package
    setattr(parent, parts[-1], sys.modules[__name__])
    sys.modules[_JVM_PACKAGE] = sys.modules[__name__]


_name_as_in_jvm()


class _VitrailTransformer(JavaTransformer, JavaMLReadable, JavaMLWritable):
    """Parameters that both stages have."""

    model = Param(
        Params._dummy(),
        "model",
        "folder in timm's or transformers' layout or of a run, weights file, or published weights",
        typeConverter=TypeConverters.toString,
    )
    architecture = Param(
        Params._dummy(),
        "architecture",
        "architecture of a bare weights file, by its name in the catalogue",
        typeConverter=TypeConverters.toString,
    )
    modelDelivery = Param(
        Params._dummy(),
        "modelDelivery",
        "how executors get the model: ship (Spark brings it) or path (they read it at the driver's path)",
        typeConverter=TypeConverters.toString,
    )
    inputCol = Param(
        Params._dummy(),
        "inputCol",
        "column of images: binary (an image file's content), string (its path) or Spark's image struct",
        typeConverter=TypeConverters.toString,
    )
    outputCol = Param(Params._dummy(), "outputCol", "column of results", typeConverter=TypeConverters.toString)
    errorCol = Param(
        Params._dummy(),
        "errorCol",
        "column that says why an image could not be read; of mode PERMISSIVE",
        typeConverter=TypeConverters.toString,
    )
    mode = Param(
        Params._dummy(),
        "mode",
        "what becomes of a row whose image cannot be read: PERMISSIVE, DROPMALFORMED or FAILFAST",
        typeConverter=TypeConverters.toString,
    )
    batchSize = Param(Params._dummy(), "batchSize", "images of a batch", typeConverter=TypeConverters.toInt)

    def __init__(self, params):
        super().__init__()
        self._java_obj = self._new_java_obj("%s.%s" % (_JVM_PACKAGE, type(self).__name__), self.uid)
        # Defaults are the JVM's own: they are written down once.
        self._transfer_params_from_java()
        self._set(**params)

    def getModel(self):
        """The model."""
        return self.getOrDefault(self.model)

    def setModel(self, value):
        """Sets the model: a folder, a weights file, or published weights, which the driver fetches once."""
        return self._set(model=value)

    def getArchitecture(self):
        """The architecture of a bare weights file."""
        return self.getOrDefault(self.architecture)

    def setArchitecture(self, value):
        """Sets the architecture of a bare weights file."""
        return self._set(architecture=value)

    def getModelDelivery(self):
        """How executors get the model."""
        return self.getOrDefault(self.modelDelivery)

    def setModelDelivery(self, value):
        """Sets how executors get the model: ``ship`` or ``path``."""
        return self._set(modelDelivery=value)

    def getInputCol(self):
        """The column of images."""
        return self.getOrDefault(self.inputCol)

    def setInputCol(self, value):
        """Sets the column of images."""
        return self._set(inputCol=value)

    def getOutputCol(self):
        """The column of results."""
        return self.getOrDefault(self.outputCol)

    def setOutputCol(self, value):
        """Sets the column of results."""
        return self._set(outputCol=value)

    def getErrorCol(self):
        """The column of sentences about images that could not be read."""
        return self.getOrDefault(self.errorCol)

    def setErrorCol(self, value):
        """Sets the column of sentences about images that could not be read."""
        return self._set(errorCol=value)

    def getMode(self):
        """What becomes of a row whose image cannot be read."""
        return self.getOrDefault(self.mode)

    def setMode(self, value):
        """Sets what becomes of a row whose image cannot be read: PERMISSIVE, DROPMALFORMED or FAILFAST."""
        return self._set(mode=value)

    def getBatchSize(self):
        """Images of a batch."""
        return self.getOrDefault(self.batchSize)

    def setBatchSize(self, value):
        """Sets the images of a batch."""
        return self._set(batchSize=value)


class VitrailClassifier(_VitrailTransformer):
    """Classifies images: label, index, probability and the most probable classes of each."""

    topK = Param(Params._dummy(), "topK", "classes of the array top", typeConverter=TypeConverters.toInt)

    __module__ = _JVM_PACKAGE

    @keyword_only
    def __init__(
        self,
        *,
        model=None,
        architecture=None,
        modelDelivery=None,
        inputCol=None,
        outputCol=None,
        errorCol=None,
        mode=None,
        batchSize=None,
        topK=None,
    ):
        super().__init__(self._input_kwargs)

    def getTopK(self):
        """Classes of the array ``top``."""
        return self.getOrDefault(self.topK)

    def setTopK(self, value):
        """Sets the number of classes of the array ``top``."""
        return self._set(topK=value)


class VitrailEmbedder(_VitrailTransformer):
    """Computes the vectors before a model's classifier."""

    outputType = Param(
        Params._dummy(),
        "outputType",
        "type of the result: vector (of Spark ML) or array (of floats)",
        typeConverter=TypeConverters.toString,
    )

    __module__ = _JVM_PACKAGE

    @keyword_only
    def __init__(
        self,
        *,
        model=None,
        architecture=None,
        modelDelivery=None,
        inputCol=None,
        outputCol=None,
        errorCol=None,
        mode=None,
        batchSize=None,
        outputType=None,
    ):
        super().__init__(self._input_kwargs)

    def getOutputType(self):
        """Type of the result."""
        return self.getOrDefault(self.outputType)

    def setOutputType(self, value):
        """Sets the type of the result: ``vector`` or ``array``."""
        return self._set(outputType=value)


def register_functions(model, spark=None):
    """Registers ``vitrail_classify`` for SQL.

    :param spark: by default, the session of this thread
    """
    session = spark or SparkSession.active()
    session._jvm.dev.vitrail.spark.VitrailFunctions.register(session._jsparkSession, model)
